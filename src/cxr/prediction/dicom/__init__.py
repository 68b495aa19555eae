"""A DICOM image, its overlay and its answers in, a Secondary Capture and a Structured Report for the same study out."""
