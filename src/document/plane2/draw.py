"""Draws glyphs.hex: what of the 通用规范汉字表 (2013) lies in plane 2, 16×16 dots each.

    python3 draw.py NotoSansCJK-Regular.ttc TABLE > glyphs.hex

Wants Pillow 12 and fontTools. The font is Noto Sans CJK SC 2.004 (Debian's fonts-noto-cjk 20220127), TABLE has a character
of the 8105 a line, its code point first (U+4E00). FreeType fits the outlines to the dots."""

import sys

from fontTools.ttLib import TTCollection
from PIL import Image, ImageDraw, ImageFont

DOTS, ROOM = 16, 32


def glyph(font, character):
    """Its rows, in the middle of its field; the last column and row stay white where that can be."""
    picture = Image.new("1", (ROOM, ROOM))
    draw = ImageDraw.Draw(picture)
    draw.fontmode = "1"
    draw.text((ROOM // 4, ROOM // 4), character, font=font, fill=1)
    left, top, right, bottom = picture.getbbox()
    width, height = right - left, bottom - top
    assert width <= DOTS and height <= DOTS, (character, width, height)
    field = Image.new("1", (DOTS, DOTS))
    field.paste(picture.crop((left, top, right, bottom)), ((DOTS - width) // 2, (DOTS - height) // 2))
    return field.tobytes()


def main(path, table):
    fonts = TTCollection(path).fonts
    index = next(n for n, font in enumerate(fonts) if font["name"].getDebugName(4) == "Noto Sans CJK SC")
    has = fonts[index].getBestCmap()
    font = ImageFont.truetype(path, DOTS, index=index)
    with open(table, encoding="utf-8") as lines:
        points = sorted(int(line.split()[0][2:], 16) for line in lines if line.startswith("U+"))
    for point in points:
        if point > 0xFFFF:
            assert point in has, hex(point)
            print("%05X:%s" % (point, glyph(font, chr(point)).hex().upper()))


main(*sys.argv[1:])
