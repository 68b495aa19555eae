"""Settings, parameters, finding names, run records, and what every room shares: user errors, safe writes."""
