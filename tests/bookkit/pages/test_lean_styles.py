"""bookkit.pages.lean_styles: one sheet; what is dark is for screens."""

from bookkit.pages.lean_styles import light_on_paper


def test_dark_rules_are_for_screens_and_light_ones_for_all_else():
    css = (
        'html[data-theme="dark"] .a{color:white}html[data-theme=light] .a{color:black}'
        "@media (width>1px){html[data-theme=dark]{margin:0}}.b{top:0}"
        "html[data-theme=dark],html[data-theme=light]{left:0}"
    )
    assert light_on_paper(css) == (
        '@media screen{html[data-theme="dark"] .a{color:white}}'
        "html:not([data-theme=dark]) .a{color:black}"
        "@media print{html[data-theme=dark] .a{color:black}}"
        "@media (width>1px){@media screen{html[data-theme=dark]{margin:0}}}.b{top:0}"
        "html[data-theme=dark],html[data-theme=light]{left:0}"
    )
