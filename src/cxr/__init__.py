"""Chest X-rays in, believable answers out: lungs, crops, classifiers, evaluation, heatmaps."""

from typing import Any

__version__ = "0.1.0"


def predict(paths: Any, bundle: Any, **options: Any) -> Any:
    """Return a pandas.DataFrame with a bundle's answer to every image; see `cxr.prediction.frame.predict_frame`.

    paths: images, folders, or CSVs with a column of paths, one or several. bundle: the folder that `./cxr export`
    wrote. options: engine, precision, force, as of `./cxr predict`.
    """
    from cxr.prediction.frame import predict_frame  # only now: `import cxr` stays light

    return predict_frame(paths, bundle, **options)
