"""Join what a cell prints as it was printed.

The kernel may send a line in two parts. MyST-NB's `nb_merge_streams` joins parts with a new line
between them, so that a sentence breaks wherever the machine happened to be busy; this joins them
with nothing.
"""

from copy import copy

import myst_nb.core.render


def joined(outputs: list) -> list:
    """The outputs, all parts of a stream in the place of its first one."""
    made: list[dict] = []
    streams: dict[str, dict] = {}
    for output in outputs:
        name = output.get("name") if output["output_type"] == "stream" else None
        if name in streams:
            streams[name]["text"] += output["text"]
            continue
        if name:
            output = streams[name] = copy(output)
        made.append(output)
    return made


def setup(app) -> dict:
    myst_nb.core.render.coalesce_streams = joined
    return {"parallel_read_safe": True}
