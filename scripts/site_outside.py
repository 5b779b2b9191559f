"""A preprocessor of mdBook: what to do about links of docs/ that leave it.

A Markdown file elsewhere in the repository (an example's README, the changelog) becomes a page of the site, below `repository/`.
Any other file becomes a link to the repository on the web, if `output.html.git-repository-url` is set (as by
`MDBOOK_OUTPUT__HTML__GIT_REPOSITORY_URL` in CI), and otherwise its text alone.
"""

import json
import posixpath
import re
import sys
from pathlib import Path

LINK = re.compile(r"(!?)\[((?:[^\]\[`]|`[^`]*`)*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```")


class Site:
    def __init__(self, root, src, url):
        self.root, self.src, self.url = root, src, url.rstrip("/") if url else None
        # Pages from outside of `src`, by their path in the repository.
        self.taken = {}

    def page_of(self, path):
        """The place in the site of a file of the repository, or None where it has none."""
        if path.startswith(self.src + "/"):
            # The README is for those who read the folder on the web; the site has its table of contents.
            inside = path[len(self.src) + 1 :]
            return "start.md" if inside == "README.md" else inside
        if not path.endswith(".md") or not (self.root / path).is_file():
            return None
        # The first page says what the README says, in more steps.
        return "start.md" if path == "README.md" else self.take(path)

    def take(self, path):
        place = "repository/" + (path[: -len("README.md")] + "about.md" if path.endswith("README.md") else path)
        if path not in self.taken:
            self.taken[path] = None  # links in a circle end here
            text = (self.root / path).read_text(encoding="utf-8")
            name = re.search(r"^# (.*)$", text, re.MULTILINE)
            content = self.rewrite(text, path, place)
            self.taken[path] = chapter(name[1].strip("`") if name else path, place, content)
        return place

    def rewrite(self, text, source, place):
        """The text of a page with its links: `source` is its path in the repository, `place` that in the site."""

        def replace(link):
            mark, words, target = link.groups()
            if "://" in target or target.startswith(("#", "mailto:")):
                return link[0]
            path, sharp, part = target.partition("#")
            whole = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
            page = self.page_of(whole)
            if page is not None:
                # mdBook calls a folder's README `index`, but not in links to it.
                page = re.sub(r"(^|/)README\.md$", r"\1index.md", page)
                return f"{mark}[{words}]({posixpath.relpath(page, posixpath.dirname(place) or '.')}{sharp}{part})"
            if self.url:
                return f"{mark}[{words}]({self.url}/blob/HEAD/{whole}{sharp}{part})"
            return words

        lines, fenced = [], False
        for line in text.split("\n"):
            fenced ^= bool(FENCE.match(line))
            lines.append(line if fenced else LINK.sub(replace, line))
        return "\n".join(lines)


def chapter(name, place, content):
    return {
        "Chapter": {
            "name": name,
            "content": content,
            "number": None,
            "sub_items": [],
            "path": place,
            "source_path": place,
            "parent_names": [],
        }
    }


def chapters(items):
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            yield item["Chapter"]
            yield from chapters(item["Chapter"]["sub_items"])


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    context, book = json.load(sys.stdin)
    config = context["config"]
    url = config.get("output", {}).get("html", {}).get("git-repository-url")
    site = Site(Path(context["root"]), config["book"]["src"], url)
    items = book["items"]
    for one in chapters(items):
        if one["path"]:
            one["content"] = site.rewrite(one["content"], f"{site.src}/{one['path']}", one["path"])
    if site.taken:
        items.append({"PartTitle": "From the repository"})
        items.extend(site.taken[path] for path in sorted(site.taken))
    json.dump(book, sys.stdout)


main()
