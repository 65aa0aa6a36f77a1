"""`ATTRIBUTION.md`: whose the pictures of a data set are, as their licences want it told.

Creative Commons asks for title, author, source and licence, each with its link
(https://wiki.creativecommons.org/wiki/Best_practices_for_attribution).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from dlf_core.formats.dataset import LabeledImage
from dlf_core.licenses import UNKNOWN, License, identify
from dlf_core.markdown_text import plain

_MOST = 300
"""Letters of a title or a name: some services put whole descriptions there."""


def license_of(image: LabeledImage) -> License:
    """The licence of an image of a data set."""
    return identify(image.license, image.license_url)


def attribution_markdown(name: str, images: Sequence[LabeledImage]) -> str:
    """The file's text: a count by licence, what stands in the way of publishing, and a line an image."""
    licenses = {image.image_id: license_of(image) for image in images}
    counts = Counter(license_.name for license_ in licenses.values())
    lines = [f"# Attribution of the images of {plain(name, _MOST)}", ""]
    lines += [f"{len(images):,} images. The labels are not covered by these licences.", ""]
    lines += ["| licence | images |", "|---|---|"]
    lines += [f"| {plain(license_name, _MOST)} | {count:,} |" for license_name, count in counts.most_common()]
    problems = publishing_problems(images)
    if problems:
        lines += ["", "**Before this is published:**", *(f"- {problem}" for problem in problems)]
    lines += ["", "Changes: images may have been turned upright and encoded anew.", ""]
    ordered = sorted(images, key=lambda image: (licenses[image.image_id].name, image.file_name))
    lines += [_line(image, licenses[image.image_id]) for image in ordered]
    return "\n".join(lines) + "\n"


def publishing_problems(images: Sequence[LabeledImage]) -> list[str]:
    """Why the images may not be passed on as they are; empty: nothing is known against it.

    A sentence each for unknown rights, licences this program does not know, non-commercial ones, ones that forbid
    changed copies, and authors that must be named and are not known.
    """
    return list(_problems([(image, license_of(image)) for image in images]))


def _problems(images: Sequence[tuple[LabeledImage, License]]) -> Iterator[str]:
    unknown = sum(license_.family == UNKNOWN for _, license_ in images)
    other = sum(license_.family == "other" for _, license_ in images)
    known = [license_ for _, license_ in images if license_.family not in (UNKNOWN, "other")]
    limited = sum(not license_.commercial for license_ in known)
    unchanged = sum(not license_.derivatives for license_ in known)
    nameless = sum(
        license_.needs_attribution
        and license_.family not in (UNKNOWN, "other")
        and not (image.author or image.attribution)
        for image, license_ in images
    )
    if unknown:
        yield f"{_images(unknown)} of unknown rights: nobody has said that they may be passed on."
    if other:
        yield f"{_images(other)} under licences that must be read first."
    if limited:
        yield f"{_images(limited)} for non-commercial use only."
    if unchanged:
        yield f"{_images(unchanged)} of which changed copies may not be passed on."
    if nameless:
        yield f"{_images(nameless)} whose author must be named and is not known."


def _images(count: int) -> str:
    return f"{count:,} image" if count == 1 else f"{count:,} images"


def _line(image: LabeledImage, license_: License) -> str:
    title = f"“{plain(image.title or image.source_name or image.image_id, _MOST)}”"
    source = next((link for link in map(_address, (image.page, image.url)) if link), None)
    shown = f"[{title}]({source})" if source else title
    author = f" by {plain(image.author, _MOST)}" if image.author else ""
    terms = (
        f"[{plain(license_.name, _MOST)}]({link})" if (link := _address(license_.url)) else plain(license_.name, _MOST)
    )
    by_source = f" ({plain(image.attribution, _MOST)})" if image.attribution and not image.author else ""
    return f"- `{image.file_name}`: {shown}{author}, {terms}{by_source}"


def _address(url: str | None) -> str | None:
    """An address that ends where its link does; None for what is no address of the web."""
    if url is None or not url.lower().startswith(("http://", "https://")):
        return None
    return re.sub(r"[\s()<>\\`]", lambda found: f"%{ord(found[0]):02X}", url)
