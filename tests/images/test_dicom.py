"""DICOM files: every way to store and to display pixels, what is refused by tag, and that nothing else gets through."""

import io
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless, generate_uid

from cxr.images import dicom
from cxr.images.containers import ImageError
from cxr.images.dicom import read_dicom
from cxr.images.dicom_tags import read_tags
from cxr.images.files import read_image

DX = "1.2.840.10008.5.1.4.1.1.1.1"
GDCM_SYNTAXES = {
    "JPEG lossless": "JPEGLosslessProcess14_1",
    "JPEG-LS": "JPEGLSLossless",
    "JPEG 2000": "JPEG2000Lossless",
}


def ramp(bits, shape=(48, 64)):
    """Every grey level from 0 to the highest, row after row."""
    return np.linspace(0, 2**bits - 1, shape[0] * shape[1]).round().reshape(shape).astype(np.uint16)


def dataset(pixels, bits=12, signed=False, **tags):
    """A chest X-ray with these pixels and tags; a tag None is left out."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = DX
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.StudyInstanceUID = generate_uid()
    data.Modality, data.BodyPartExamined, data.ViewPosition = "DX", "CHEST", "PA"
    data.PatientID, data.PatientName, data.PatientSex, data.PatientAge = "4711", "Doe^Jane", "F", "058Y"
    data.Rows, data.Columns, data.SamplesPerPixel = *pixels.shape[:2], 1
    data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", int(signed)
    data.BitsAllocated, data.BitsStored, data.HighBit = (8, bits, bits - 1) if bits <= 8 else (16, bits, bits - 1)
    data.PixelData = pixels.astype("u1" if bits <= 8 else "<i2" if signed else "<u2").tobytes()
    data["PixelData"].VR = "OB" if bits <= 8 else "OW"
    for name, value in tags.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    return data


def content(data, preamble=True):
    stream = io.BytesIO()
    implicit = data.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    data.save_as(stream, enforce_file_format=preamble, implicit_vr=implicit, little_endian=True)
    return stream.getvalue()


def stretched(values, low, high):
    return np.clip((values.astype(np.float64) - low) * 255 / (high - low) + 0.5, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 15, 16])
@pytest.mark.parametrize("inverted", [False, True])
def test_without_a_window_stored_values_go_from_black_to_white(bits, inverted):
    pixels = ramp(bits) // 2 + 3
    found = read_dicom(content(dataset(pixels, bits, PhotometricInterpretation=f"MONOCHROME{1 if inverted else 2}")))
    expected = stretched(pixels, pixels.min(), pixels.max())
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, 255 - expected if inverted else expected)


def test_padding_is_not_what_black_is_taken_from():
    pixels = ramp(12) // 4 + 2000
    pixels[:5] = 0
    found = read_dicom(content(dataset(pixels, PixelPaddingValue=0)))
    np.testing.assert_array_equal(found[5:], stretched(pixels[5:], pixels[5:].min(), pixels.max()))
    assert (found[:5] == 0).all()


@pytest.mark.parametrize(
    ("function", "centre", "width"), [("LINEAR", 2048, 1000), ("LINEAR_EXACT", 1500, 700), ("SIGMOID", 2048, 800)]
)
def test_a_window_is_applied_as_the_standard_says(function, centre, width):
    """PS3.3, C.11.2.1.2 and C.11.2.1.3, written anew here."""
    pixels = ramp(12)
    x = pixels.astype(np.float64)
    share = {
        "LINEAR": np.clip((x - (centre - 0.5)) / (width - 1) + 0.5, 0, 1),
        "LINEAR_EXACT": np.clip((x - centre) / width + 0.5, 0, 1),
        "SIGMOID": 1 / (1 + np.exp(-4 * (x - centre) / width)),
    }[function]
    data = dataset(pixels, WindowCenter=[centre, 1], WindowWidth=[width, 2], VOILUTFunction=function)
    found = read_dicom(content(data))
    np.testing.assert_allclose(found, share * 255, atol=1.01)


def test_rescale_comes_before_the_window():
    pixels = ramp(12)
    data = dataset(
        pixels, RescaleSlope=2, RescaleIntercept=-1000, RescaleType="US", WindowCenter=3000, WindowWidth=2000
    )
    share = np.clip((pixels * 2.0 - 1000 - 2999.5) / 1999 + 0.5, 0, 1)
    np.testing.assert_allclose(read_dicom(content(data)), share * 255, atol=1.01)


def test_signed_values_are_read_as_such():
    pixels = ramp(12).astype(np.int32) - 2048
    found = read_dicom(content(dataset(pixels, signed=True)))
    np.testing.assert_array_equal(found, stretched(pixels, -2048, 2047))


def test_a_lookup_table_is_applied_and_goes_before_a_window():
    pixels = ramp(8)
    table = np.linspace(0, 1, 256) ** 2 * 4095
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [256, 0, 12], table.astype(int).tolist()
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    data = dataset(pixels, 8, WindowCenter=5, WindowWidth=3)
    data.VOILUTSequence = [item]
    np.testing.assert_allclose(read_dicom(content(data)), table[pixels] * 255 / 4095, atol=1)


def test_colour_becomes_luminance():
    red, green, blue = (ramp(8), ramp(8)[::-1], np.full((48, 64), 40))
    pixels = np.stack([red, green, blue], axis=-1)
    data = dataset(pixels, 8, PhotometricInterpretation="RGB")
    data.SamplesPerPixel, data.PlanarConfiguration = 3, 0
    luminance = np.round(0.299 * red + 0.587 * green + 0.114 * blue)
    np.testing.assert_allclose(
        read_dicom(content(data)), stretched(luminance, luminance.min(), luminance.max()), atol=1
    )


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=lambda syntax: syntax.name)
def test_compressed_files_are_the_same_image(syntax):
    pixels = ramp(12)
    plain = read_dicom(content(dataset(pixels)))
    data = dataset(pixels)
    data.compress(syntax)
    np.testing.assert_array_equal(read_dicom(content(data)), plain)


@pytest.mark.parametrize("syntax", GDCM_SYNTAXES)
def test_what_another_library_compressed_is_the_same_image(syntax, tmp_path):
    gdcm = pytest.importorskip("gdcm")
    data = dataset(ramp(12))
    (tmp_path / "plain.dcm").write_bytes(content(data))
    reader = gdcm.ImageReader()
    reader.SetFileName(str(tmp_path / "plain.dcm"))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, GDCM_SYNTAXES[syntax])))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(tmp_path / "small.dcm"))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    np.testing.assert_array_equal(read_image(tmp_path / "small.dcm"), read_image(tmp_path / "plain.dcm"))


def test_files_without_preamble_are_told_by_their_suffix(tmp_path):
    data = dataset(ramp(12))
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    whole = content(data)
    stream = io.BytesIO()
    bare = Dataset(data)
    bare.save_as(stream, implicit_vr=True, little_endian=True)
    (tmp_path / "bare.dcm").write_bytes(stream.getvalue())
    np.testing.assert_array_equal(read_image(tmp_path / "bare.dcm"), read_dicom(whole))


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Modality": "CT"}, "is of modality CT; allowed are CR, DX, DR, RG, XR"),
        ({"BodyPartExamined": "RIBCAGE"}, "shows the body part RIBCAGE, not the chest"),
        ({"BodyPartExamined": "HAND"}, "shows the body part HAND, not the chest"),
        ({"ViewPosition": "LL"}, "is a lateral or oblique view (LL)"),
        ({"ViewPosition": "LATERAL"}, "is a lateral or oblique view (LATERAL)"),
        ({"NumberOfFrames": 3}, "has 3 frames; one is needed"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "is a raw detector image (FOR PROCESSING), not one for display"),
        ({"PixelData": None, "Rows": None, "Columns": None}, "holds no pixels"),
        ({"PixelData": None}, "holds no pixels"),
    ],
)
def test_what_is_no_frontal_chest_x_ray_is_refused_with_the_reason(tags, reason, tmp_path):
    data = content(dataset(ramp(12), **tags))
    with pytest.raises(ImageError) as raised:
        read_dicom(data)
    assert str(raised.value) == reason
    (tmp_path / "a.dcm").write_bytes(data)
    assert read_tags(tmp_path / "a.dcm").refused == ("" if tags == {"PixelData": None} else reason)


@pytest.mark.parametrize("part", ["CHEST", "THORAX", "CHEST_PA", "LUNGS", ""])
def test_names_of_the_chest_pass(part):
    assert read_dicom(content(dataset(ramp(12), BodyPartExamined=part))).shape == (48, 64)


def test_a_view_code_tells_the_view_where_the_position_does_not():
    code = Dataset()
    code.CodeMeaning = "left lateral"
    with pytest.raises(ImageError, match=r"is a lateral or oblique view \(by its view code\)"):
        read_dicom(content(dataset(ramp(12), ViewPosition="", ViewCodeSequence=[code])))


def test_tags_are_read_without_names(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(content(dataset(ramp(12), IssuerOfPatientID="North")))
    tags = read_tags(path)
    assert (tags.patient, tags.sex, tags.age, tags.view, tags.refused) == ("North|4711", "F", "058Y", "PA", "")
    assert "Doe" not in repr(tags)


@pytest.mark.parametrize("cut", [10, 140, 400, -10, -3000])
def test_a_truncated_file_is_refused(cut):
    with pytest.raises(ImageError):
        read_dicom(content(dataset(ramp(12)))[:cut])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.binary(max_size=200), st.booleans(), st.integers(0, 900))
def test_any_bytes_are_an_image_or_an_image_error(noise, marked, place):
    whole = bytearray(content(dataset(ramp(8, (8, 8)), 8)))
    for bytes_ in (
        b"\0" * 128 + b"DICM" * marked + noise,
        bytes(whole[:place]) + noise + bytes(whole[place + len(noise) :]),
    ):
        try:
            assert read_dicom(bytes_).dtype == np.uint8
        except ImageError as error:
            assert "\n" not in str(error)


REAL = {
    "chest-cr-mono1-10bit-raw": (440, 440),
    "chest-cr-mono1-15bit-jpeg2000": (1955, 1841),
    "chest-cr-mono1-8bit-jpegbaseline": (1024, 1024),
    "chest-cr-mono2-8bit-jpegbaseline": (1024, 1024),
    "chest-dx-mono2-8bit-implicit-raw": (1024, 1024),
    "not-chest-mono1-12bit-jpegextended": "shows the body part EXTREMITY",
    "ribcage-wrong-bodypart": "shows the body part RIBCAGE",
    "wrong-modality-ct": "is of modality CT",
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_read_or_refused_as_their_names_say(real_data, name):
    path = real_data / "dicom" / f"{name}.dcm"
    if isinstance(REAL[name], str):
        with pytest.raises(ImageError, match=REAL[name]):
            read_image(path)
    else:
        image = read_image(path)
        assert image.shape == REAL[name]
        assert image.std() > 20


def damaged_jpeg(real_data):
    """A real file whose damage makes a decoder throw where nobody can catch it."""
    whole = (real_data / "dicom" / "chest-cr-mono2-8bit-jpegbaseline.dcm").read_bytes()
    return whole[:1045] + b"\x95\x20" + whole[1045:]


def test_jpeg_2000_of_another_size_than_its_header_is_refused_before_it_is_unpacked():
    data = dataset(ramp(12))
    data.compress(JPEG2000Lossless)
    pixels = bytearray(data.PixelData)
    size = pixels.index(b"\xff\x4f\xff\x51") + 8
    pixels[size : size + 8] = (60_000).to_bytes(4) * 2
    data.PixelData = bytes(pixels)
    with pytest.raises(ImageError, match="claims 64 x 48 pixels but holds 60000 x 60000"):
        read_dicom(content(data))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep no such limit")
def test_what_takes_too_much_memory_is_refused_and_the_next_is_read(monkeypatch):
    monkeypatch.setattr(dicom, "_DECODERS", threading.local())
    monkeypatch.setattr(dicom, "DECODER_BYTES", 2**28)
    pixels = np.zeros((5000, 6000), np.uint16)
    pixels[:48, :64] = ramp(12)
    large = dataset(pixels)
    for data in (large, small := dataset(ramp(12))):
        data.compress(JPEG2000Lossless)
    with pytest.raises(ImageError, match="cannot be decoded"):
        read_dicom(content(large))
    assert read_dicom(content(small)).std() > 20


def test_a_file_that_brings_a_decoder_down_is_refused_and_the_next_is_read(real_data):
    with pytest.raises(ImageError, match="cannot be decoded: the decoder crashed over it; the file is damaged"):
        read_dicom(damaged_jpeg(real_data))
    good = read_dicom((real_data / "dicom" / "chest-cr-mono2-8bit-jpegbaseline.dcm").read_bytes())
    assert good.std() > 20


def test_a_colour_palette_is_applied():
    pixels = ramp(8).astype(np.uint8)
    data = dataset(pixels, bits=8, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(data, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        table = (np.arange(255, -1, -1) * 257).astype("<u2").tobytes()
        setattr(data, f"{colour}PaletteColorLookupTableData", table)
    np.testing.assert_allclose(read_dicom(content(data)).astype(int), 255 - pixels, atol=1)


def broken_view_code():
    data = dataset(ramp(8))
    data.add_new((0x0054, 0x0220), "LO", "abc")
    return content(data)


def twice_the_columns():
    data = dataset(ramp(8))
    data["Columns"].value = [64, 64]
    return content(data)


def no_rows():
    data = dataset(ramp(8))
    data["Rows"].value = None
    return content(data)


@pytest.mark.parametrize("make", [broken_view_code, twice_the_columns, no_rows])
def test_tags_of_a_wrong_kind_are_an_image_error(make, tmp_path):
    with pytest.raises(ImageError, match=r"cannot be (read as DICOM|decoded): "):
        read_dicom(make())
    (tmp_path / "x.dcm").write_bytes(make())
    tags = read_tags(tmp_path / "x.dcm")
    assert tags.refused or tags.view == "PA"
