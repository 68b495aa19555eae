"""New images and a bundle of finished networks in, findings out: as tables, overlays and DICOM."""
