"""No sentence in a template stands outside gettext: it would stay English for everybody."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

PACKAGE = Path(__file__).parents[2] / "trainer"
TEMPLATES = PACKAGE / "templates"
# The style guide is for makers, not for people of a centre.
PAGES = [path for path in sorted(TEMPLATES.rglob("*.html")) if "styleguide" not in path.parts]

JINJA = re.compile(r"{#.*?#}|{%-?\s*trans\b.*?{%-?\s*endtrans\s*-?%}|{%.*?%}|{{.*?}}", re.DOTALL)
NO_WORDS = re.compile(r"{%-? *block page_class *-?%}.*?{%-? *endblock *-?%}")
ATTRIBUTES = re.compile(r'[\w-]+="[^"]*"|[\w-]+=')
TAGS = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->|<[^>]*>", re.DOTALL)
SPOKEN = re.compile(r'\b(?:aria-label|title|placeholder|alt)="([^"{]*[A-Za-z]{2}[^"{]*)"')
WORD = re.compile(r"[A-Za-z]{2,}")
# entities, and the class that a macro gives to every button
NOT_WORDS = {"nbsp", "amp", "middot", "hellip", "button"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_a_template_has_no_bare_words(path: Path) -> None:
    source = JINJA.sub("\x00", NO_WORDS.sub("", path.read_text(encoding="utf-8")))
    assert not SPOKEN.findall(source)
    bare = [
        word for word in WORD.findall(ATTRIBUTES.sub(" ", TAGS.sub(" ", source))) if word not in NOT_WORDS
    ]
    assert not bare


def test_every_marked_message_can_be_extracted() -> None:
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    options = {"**.html": {"extensions": "jinja2.ext.do,jinja2.ext.loopcontrols", "silent": "false"}}
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
    found = list(extract_from_dir(str(PACKAGE), methods, options, keywords=keywords, comment_tags=()))
    assert len(found) > 200
