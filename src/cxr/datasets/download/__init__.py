"""A list of addresses and checksums in, a data set's archives fetched, checked and unpacked out."""
