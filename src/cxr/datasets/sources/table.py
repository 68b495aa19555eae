"""Any CSV with a row per image in, by the mapping of its columns; rows out."""

import pandas as pd

from cxr.config.datasets import TableDataset
from cxr.datasets.sources.accept import accept_rows, require_folder
from cxr.datasets.sources.cells import read_cells
from cxr.datasets.table import SourceTable


def read_table_source(dataset: TableDataset, name: str) -> SourceTable:
    """Read the table by its mapping; UserError when folder, table or a mapped column is missing, or no row serves."""
    require_folder(dataset.root, name, "the images of the table")
    csv = dataset.root / dataset.csv
    table, flaws = read_cells(csv, mapped_columns(dataset))
    columns = dataset.columns
    ours = {
        "path": columns.path,
        "image_id": columns.image_id or columns.path,
        "patient_id": columns.patient_id,
        "study_id": columns.study_id,
        "view": columns.view,
        "sex": columns.sex,
        "age": columns.age,
        "listed": columns.split,
        **columns.findings,
    }
    rows = pd.DataFrame({name: table[theirs].str.strip() for name, theirs in ours.items() if theirs})
    rows["image_id"] = rows["image_id"].str.replace("/", "-")  # ids become file names
    return accept_rows(dataset, name, csv, rows, flaws, tuple(columns.findings))


def mapped_columns(dataset: TableDataset) -> tuple[str, ...]:
    """Return the columns that the mapping asks for."""
    given = dataset.columns.model_dump(exclude={"findings"}).values()
    return tuple(dict.fromkeys([column for column in given if column] + list(dataset.columns.findings.values())))
