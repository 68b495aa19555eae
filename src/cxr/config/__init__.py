"""Settings, parameters, finding names, run records and the two things every room shares: user errors and safe writes."""
