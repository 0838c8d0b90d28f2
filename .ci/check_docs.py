"""Checks the Markdown files: links lead somewhere, and words are spelt as the dictionary or .ci/words.txt has them.

Links inside the repository must lead to a file, and to a heading where they name one. Links outside are checked by form
alone: whether a site answers is not this project's to promise."""

import itertools
import pathlib
import re
import subprocess
import sys
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```.*?^```\s*$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def slug(heading):
    """The anchor that Git hosts make of a heading."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", lambda match: match.group(1) or "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    found = set()
    for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE):
        anchor = slug(heading)
        # A heading that stands twice gets a number.
        repeated = (f"{anchor}-{count}" for count in itertools.count(1))
        found.add(anchor if anchor not in found else next(one for one in repeated if one not in found))
    return found


def broken_links(path, text):
    for _, _, target in LINK.findall(text):
        address, _, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            parts = urllib.parse.urlsplit(target)
            if parts.scheme not in ("https", "http") or not parts.hostname or "." not in parts.hostname and parts.hostname != "localhost":
                yield f"{target} is no address"
            continue
        file = (path.parent / urllib.parse.unquote(address)).resolve() if address else path
        if ROOT not in (file, *file.parents) or not file.exists():
            yield f"{target} leads to no file"
        elif anchor and (file.suffix != ".md" or anchor not in anchors(file)):
            yield f"{target} leads to no heading"


def prose(text):
    """The text without what is code, an address or a name."""
    text = re.sub(r"``.*?``|`[^`]*`", " ", text)
    text = LINK.sub(lambda match: match.group(2), text)
    text = re.sub(r"<[^>]+>|https?://\S+|\S+@\S+|&\w+;", " ", text)
    return re.sub(r"[^\x00-\x7f]+", " ", text.replace("’", "'"))


def misspelt(text):
    """Words that neither the dictionary nor the project's own list has."""
    words = ROOT / ".ci/words.txt"
    command = ["hunspell", "-d", "en_US,en_GB", "-p", str(words), "-l"]
    answer = subprocess.run(command, input=prose(text), capture_output=True, text=True, check=True)
    return sorted(set(answer.stdout.split()))


def main():
    files = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    problems = []
    for name in files.stdout.split():
        path = ROOT / name
        text = COMMENT.sub(" ", FENCE.sub(" ", path.read_text(encoding="utf-8")))
        problems += [f"{name}: {problem}" for problem in broken_links(path, text)]
        problems += [f"{name}: {word}?" for word in misspelt(text)]
    print("\n".join(problems) or f"{len(files.stdout.split())} documents: links and spelling")
    sys.exit(bool(problems))


main()
