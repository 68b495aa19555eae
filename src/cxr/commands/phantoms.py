"""`cxr phantoms FOLDER`: synthetic X-rays in the layout of a public data set, or images that are no chest X-rays."""

import argparse

from cxr.commands.context import core_count
from cxr.commands.progress import show_progress
from cxr.config.errors import UserError
from cxr.images.files import write_png
from cxr.phantoms.dataset.folder import write_phantoms
from cxr.phantoms.dataset.negatives import NEGATIVES, write_negatives
from cxr.phantoms.dataset.sheet import phantom_sheet
from cxr.phantoms.spec import PhantomSpec


def run(options: argparse.Namespace) -> None:
    """Write the phantoms, resuming nothing: an interrupted folder is written anew, a complete one is left alone."""
    spec = PhantomSpec(
        patients=options.patients,
        seed=options.seed,
        image_px=options.image_px,
        prevalence=options.prevalence,
        frequencies=options.frequencies,
        label_noise=options.label_noise,
    )
    folder = options.folder
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a folder")
    if options.layout == "negatives":
        paths = write_negatives(folder, spec.patients, spec.seed, spec.image_px)
        print(f"phantoms: {len(paths)} images that are no chest X-rays ({', '.join(NEGATIVES)}): {folder}")
        return
    write_phantoms(folder, spec, core_count(), show_progress("phantoms"), options.layout)
    if not (folder / "sheet.png").is_file():
        write_png(folder / "sheet.png", phantom_sheet(spec))
    print(f"phantoms: complete, with counts in phantoms.json and the first patients in sheet.png: {folder}")
