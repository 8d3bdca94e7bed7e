"""bookkit.mutants: survivors are named so that they are found again, and stand in the code."""

import importlib
import inspect
from functools import reduce

from bookkit import mutants

DIFF = """\
# clipbook.text.tokenizer.xǁTokenizerǁencode__mutmut_3: survived
--- src/clipbook/text/tokenizer.py
+++ src/clipbook/text/tokenizer.py
@@ -1,3 +1,2 @@
 def encode(self, text):
-    ids = first(
-        text)
+    ids = second(text)
     return ids
"""


def test_a_mutant_is_named_by_its_function_and_its_lines():
    said = "clipbook.text.tokenizer.Tokenizer.encode: ids = first( text) → ids = second(text)"
    assert mutants.line("clipbook.text.tokenizer.xǁTokenizerǁencode__mutmut_3", DIFF) == said
    assert mutants.line("clipbook.pairs.loss.x_info_nce__mutmut_12", "-a\n+b").startswith(
        "clipbook.pairs.loss.info_nce: "
    )


def test_every_named_survivor_is_a_line_of_the_function_and_has_a_reason():
    for change, reason in mutants.named().items():
        where, _, lines = change.partition(": ")
        module = ".".join(where.split(".")[:3])
        function = reduce(getattr, where.split(".")[3:], importlib.import_module(module))
        source = " ".join(inspect.getsource(inspect.unwrap(function)).split())
        assert " ".join(lines.partition(" → ")[0].split()) in source, change
        assert len(reason) > 20
        assert where.split(".")[1] in mutants.PARTS
