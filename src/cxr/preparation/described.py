"""A prepared folder in, what its description is made of out: rows, parts, labels, sizes and hashes in one order."""

from collections.abc import Mapping

import numpy as np

from cxr.config.record import read_json
from cxr.datasets.description import Described
from cxr.images.hashing import pack_hashes
from cxr.preparation.store import PreparedFiles, Store, check_tables, pooled


def read_described(files: PreparedFiles, stores: Mapping[str, Store]) -> tuple[Described, np.ndarray]:
    """Return the images of the split, in the order of `pooled(stores)`, and their (N, 4) uint64 hashes.

    With folds the parts are "fold 0", "fold 1", ...
    """
    whole = pooled(dict(stores))
    manifest, crops = check_tables(files, read_json(files.record))
    crops = crops.set_index("image_id").loc[whole.image_ids]
    data = Described(
        manifest=manifest.set_index("image_id").loc[whole.image_ids].reset_index(),
        parts=whole.parts if len(stores) == 1 else np.array([f"fold {fold}" for fold in whole.folds]),
        findings=whole.findings,
        codes=whole.labels,
        sizes=crops[["height_px", "width_px"]].to_numpy(np.int64),
    )
    return data, pack_hashes(crops["image_hash"].to_list())
