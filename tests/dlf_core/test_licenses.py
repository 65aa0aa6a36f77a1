"""Licences as Wikimedia Commons, Openverse, Flickr and YouTube spell them, and as nobody does."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlf_core.licenses import FAMILIES, UNKNOWN, License, identify

CC = "https://creativecommons.org/licenses"
ZERO = "https://creativecommons.org/publicdomain/zero/1.0/"
MARK = "https://creativecommons.org/publicdomain/mark/1.0/"


@pytest.mark.parametrize(
    ("said", "family", "name", "url"),
    [
        # LicenseShortName of Wikimedia Commons
        ("CC BY 2.0", "cc-by", "CC BY 2.0", f"{CC}/by/2.0/"),
        ("CC BY-SA 4.0", "cc-by-sa", "CC BY-SA 4.0", f"{CC}/by-sa/4.0/"),
        ("CC BY-SA 3.0 de", "cc-by-sa", "CC BY-SA 3.0", f"{CC}/by-sa/3.0/"),
        ("CC BY-SA 2.5", "cc-by-sa", "CC BY-SA 2.5", f"{CC}/by-sa/2.5/"),
        ("Cc-by-sa-3.0-migrated", "cc-by-sa", "CC BY-SA 3.0", f"{CC}/by-sa/3.0/"),
        ("cc-by-sa-all", "cc-by-sa", "CC BY-SA", None),
        ("CC0", "cc0", "CC0 1.0", ZERO),
        ("Public domain", "public-domain", "Public domain", None),
        ("PD-US", "public-domain", "Public domain", None),
        ("PD", "public-domain", "Public domain", None),
        ("No restrictions", "public-domain", "Public domain", None),
        ("Copyrighted free use", "public-domain", "Public domain", None),
        ("GFDL 1.2", "gfdl", "GFDL 1.2", None),
        ("FAL", "free-art", "FAL", None),
        # code and version of Openverse
        ("by 2.0", "cc-by", "CC BY 2.0", f"{CC}/by/2.0/"),
        ("by-sa 4.0", "cc-by-sa", "CC BY-SA 4.0", f"{CC}/by-sa/4.0/"),
        ("by-nd 2.0", "cc-by-nd", "CC BY-ND 2.0", f"{CC}/by-nd/2.0/"),
        ("by-nc 2.0", "cc-by-nc", "CC BY-NC 2.0", f"{CC}/by-nc/2.0/"),
        ("by-nc-sa 2.0", "cc-by-nc-sa", "CC BY-NC-SA 2.0", f"{CC}/by-nc-sa/2.0/"),
        ("by-nc-nd 2.0", "cc-by-nc-nd", "CC BY-NC-ND 2.0", f"{CC}/by-nc-nd/2.0/"),
        ("cc0 1.0", "cc0", "CC0 1.0", ZERO),
        ("pdm 1.0", "public-domain", "Public domain", MARK),
        ("sampling+ 1.0", "other", "sampling+ 1.0", None),
        # YouTube
        ("Creative Commons Attribution license (reuse allowed)", "cc-by", "CC BY", None),
        ("Standard YouTube License", "other", "Standard YouTube License", None),
        # Flickr, and what people write
        ("All Rights Reserved", "other", "All Rights Reserved", None),
        ("No known copyright restrictions", "public-domain", "Public domain", None),
        ("Public Domain Mark", "public-domain", "Public domain", None),
        ("Creative Commons Zero", "cc0", "CC0 1.0", ZERO),
        ("Public Domain Dedication (CC0)", "cc0", "CC0 1.0", ZERO),
        ("Creative Commons Attribution-ShareAlike 4.0 International", "cc-by-sa", "CC BY-SA 4.0", f"{CC}/by-sa/4.0/"),
        ("Attribution 4.0 International (CC BY 4.0)", "cc-by", "CC BY 4.0", f"{CC}/by/4.0/"),
        ("Creative Commons Attribution-NonCommercial-NoDerivs 2.0 Generic", "cc-by-nc-nd", "CC BY-NC-ND 2.0", None),
        ("CC-BY-ND-NC 1.0", "cc-by-nc-nd", "CC BY-NC-ND 1.0", None),
        ("CC_BY_SA", "cc-by-sa", "CC BY-SA", None),
        ("cc by - sa 4.0", "cc-by-sa", "CC BY-SA 4.0", f"{CC}/by-sa/4.0/"),
        ("MIT", "other", "MIT", None),
        ("Creative Commons", "other", "Creative Commons", None),
    ],
)
def test_a_name_is_known_whoever_spells_it(said, family, name, url):
    found = identify(f"  {said} ")
    assert (found.family, found.name) == (family, name)
    if url is not None or not family.startswith("cc-"):
        assert found.url == url


@pytest.mark.parametrize(
    ("url", "family", "name"),
    [
        (f"{CC}/by/2.0/", "cc-by", "CC BY 2.0"),
        ("http://creativecommons.org/licenses/by-sa/3.0", "cc-by-sa", "CC BY-SA 3.0"),
        (f"{CC}/by-sa/4.0/deed.de", "cc-by-sa", "CC BY-SA 4.0"),
        (f"{CC}/by-nc-nd/3.0/igo/", "cc-by-nc-nd", "CC BY-NC-ND 3.0"),
        ("HTTPS://CreativeCommons.org/Licenses/BY-NC/4.0/", "cc-by-nc", "CC BY-NC 4.0"),
        ("https://www.creativecommons.org/licenses/by-nd/2.0/", "cc-by-nd", "CC BY-ND 2.0"),
        (ZERO, "cc0", "CC0 1.0"),
        (MARK, "public-domain", "Public domain"),
        (f"{CC}/sampling+/1.0/", "other", f"{CC}/sampling+/1.0/"),
        ("https://example.org/terms", "other", "https://example.org/terms"),
    ],
)
def test_an_address_alone_tells_and_is_kept(url, family, name):
    assert identify(None, f" {url} ") == License(family, name, url)


def test_the_address_of_creative_commons_tells_more_than_a_name():
    assert identify("by", f"{CC}/by-nc/2.0/").name == "CC BY-NC 2.0"
    assert identify("Some rights reserved", f"{CC}/by/4.0/").family == "cc-by"


def test_an_address_elsewhere_is_kept_beside_what_the_name_tells():
    found = identify("CC BY-SA 3.0", "https://example.org/why")
    assert (found.name, found.url) == ("CC BY-SA 3.0", "https://example.org/why")
    assert identify("GFDL", "https://www.gnu.org/copyleft/fdl.html").family == "gfdl"


@pytest.mark.parametrize(("said", "url"), [(None, None), ("", None), (None, ""), ("  ", "\n"), ("", " ")], ids=repr)
def test_where_nobody_says_anything_the_licence_is_unknown(said, url):
    assert identify(said, url) == License(UNKNOWN, "unknown", None)


@pytest.mark.parametrize("said", ["MIT", "Ask the author", "©", "-", "cc", "by accident", "nc", "Getty Images"])
def test_what_is_said_and_not_known_is_other_and_keeps_its_name(said):
    assert identify(said) == License("other", said, None)


ALLOWED = {  # attribution, commercial, derivatives
    "cc0": (False, True, True),
    "public-domain": (False, True, True),
    "cc-by": (True, True, True),
    "cc-by-sa": (True, True, True),
    "cc-by-nd": (True, True, False),
    "cc-by-nc": (True, False, True),
    "cc-by-nc-sa": (True, False, True),
    "cc-by-nc-nd": (True, False, False),
    "gfdl": (True, True, True),
    "free-art": (True, True, True),
    "other": (True, False, False),
    "unknown": (True, False, False),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_family_asks_for_and_allows(family):
    found = License(family, family)
    assert (found.needs_attribution, found.commercial, found.derivatives) == ALLOWED[family]


@pytest.mark.parametrize(
    "said",
    [
        "Creative Commons Attribution Non Commercial Share Alike 4.0",
        "Creative Commons Attribution-Non Commercial-No Derivatives 4.0",
        "CC BY–NC 4.0",
        "CC-BY 4.0 NC",
        "CC BY 4.0, non-commercial use only",
        "CC BY (non commercial)",
    ],
)
def test_no_spelling_of_non_commercial_is_overlooked(said):
    assert not identify(said).commercial


@pytest.mark.parametrize(
    "said",
    ["Creative Commons Attribution No Derivatives 4.0", "CC BY–ND 4.0", "CC BY 2.0 no derivs", "CC BY + ND"],
)
def test_no_spelling_of_no_derivatives_is_overlooked(said):
    assert not identify(said).derivatives


@pytest.mark.parametrize(
    "said",
    [
        "© P. D. Smith, all rights reserved",
        "PD Smith, all rights reserved",
        "All rights reserved; not in the public domain",
        "Fair use (not public domain)",
        "non-free",
        "Royalty free art",
        "free artwork for personal use",
        "CC BYE",
    ],
)
def test_what_only_sounds_free_allows_nothing(said):
    found = identify(said)
    assert (found.commercial, found.derivatives, found.needs_attribution) == (False, False, True)


@pytest.mark.parametrize(
    "url",
    [
        "https://notcreativecommons.org/licenses/by/4.0/",
        "https://creativecommons.org.example/licenses/by/4.0/",
        "https://example.org/?creativecommons.org/licenses/by/4.0/",
        "https://example.org/creativecommons.org/licenses/by/4.0/",
    ],
)
def test_only_creative_commons_itself_speaks_for_creative_commons(url):
    assert identify(None, url).family == "other"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//creativecommons.org/licenses/by/4.0/", "by/4.0"])
def test_the_link_of_a_known_licence_is_an_address_of_the_web(url):
    assert str(identify("CC BY 4.0", url).url).startswith("https://creativecommons.org/licenses/by/4.0")


WORDS = [
    *["cc", "CC", "by", "BY", "-nc", "-sa", "-nd", "NonCommercial", "ShareAlike", "zero", "0", "4.0", "3.0", "de", "v"],
    *["creative", "commons", "attribution", "public", "domain", "pd", "pdm", "gfdl", "free", "art", "FAL", "by-sa/"],
    *["https://creativecommons.org/licenses/", "publicdomain/", " ", "-", "_", "/", "\n", "é", "\0", "+"],
]
pieces = st.lists(st.sampled_from(WORDS), max_size=12).map("".join)
texts = st.none() | st.text(max_size=40) | pieces


@given(texts, texts)
def test_whatever_is_said_has_a_family_and_a_name_and_nothing_raises(said, url):
    found = identify(said, url)
    assert found.family in FAMILIES
    assert found.name
    assert found.name == found.name.strip()
    if (said or "").strip():
        assert found.family != UNKNOWN
    elif not (url or "").strip():
        assert found == License(UNKNOWN, "unknown")
    assert found == identify(said, url)


@given(texts)
def test_the_name_that_is_stored_leads_back_to_the_same_family(said):
    found = identify(said)
    if found.family not in (UNKNOWN, "other"):
        assert identify(found.name, found.url).family == found.family


@pytest.mark.parametrize("piece", ["cc by ", "creative commons ", "-nc", " ", "public ", "by-", "cc-"])
def test_a_page_of_nonsense_is_read_quickly(piece):
    began = time.process_time()
    identify("cc by" + piece * 20_000, "https://creativecommons.org/licenses/" + piece * 20_000)
    assert time.process_time() - began < 1
