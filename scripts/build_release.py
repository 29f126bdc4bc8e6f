"""Make what a release publishes: dist/ring_partner.zip, the integration at its top, and dist/notes.md.

    python3 scripts/build_release.py 1.2.3

Writes the version wherever it stands. Needs an entry with a date in CHANGELOG.md, and an owner in the manifest ("Before
publishing" in CONTRIBUTING.md). Nothing of the machine it runs on gets into the archive: the same files give the same
bytes. Any Python since 3.11 will do.
"""

import pathlib
import re
import sys
import zipfile

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = "custom_components/ring_partner"
# Where the version stands, each with the one place in it.
PLACES = {
    f"{PACKAGE}/manifest.json": r'(?m)^(  "version": ")[^"]+(")',
    f"{PACKAGE}/api/transport.py": r'(?m)^(VERSION: Final = ")[^"]+(")',
    "pyproject.toml": r'(?m)^(version = ")[^"]+(")',
}
# The first that a ZIP archive can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)
LEFT_OUT = {"__pycache__"}
# Stands in the manifest until somebody publishes this.
NOBODY = "ring-partner-maintainers"


def check_owner() -> None:
    """Refuse while the manifest names nobody who would answer for a release."""
    if NOBODY in (ROOT / PACKAGE / "manifest.json").read_text(encoding="utf-8"):
        sys.exit('error: manifest.json does not say whose it is: see "Before publishing" in CONTRIBUTING.md')


def stamp(version: str) -> None:
    """Write the version wherever it stands."""
    for name, pattern in PLACES.items():
        path = ROOT / name
        text, times = re.subn(pattern, rf"\g<1>{version}\g<2>", path.read_text(encoding="utf-8"))
        if times != 1:
            sys.exit(f"error: {name} has {times} places for a version")
        path.write_text(text, encoding="utf-8")


def notes(version: str) -> str:
    """Return what the changelog says of a version."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"(?ms)^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.+?)(?=^## |\Z)", changelog)
    if found is None:
        sys.exit(f"error: CHANGELOG.md has no entry with a date for {version}")
    return found[1].strip() + "\n"


def pack(target: pathlib.Path) -> None:
    """Put the integration into an archive: in order, without times, without what only this machine has."""
    package = ROOT / PACKAGE
    files = sorted(path for path in package.rglob("*") if path.is_file() and not LEFT_OUT.intersection(path.parts))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(package).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())


def main() -> None:
    """Build the release whose version is the only argument."""
    match sys.argv[1:]:
        case [version] if re.fullmatch(r"\d+\.\d+\.\d+", version):
            said = notes(version)
        case _:
            sys.exit("usage: build_release.py MAJOR.MINOR.PATCH")
    check_owner()
    stamp(version)
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    (dist / "notes.md").write_text(said, encoding="utf-8")
    pack(dist / "ring_partner.zip")
    print(f"{dist / 'ring_partner.zip'} holds version {version}")


if __name__ == "__main__":
    main()
