"""A screenshot as a small PNG: of at most 32 colours, which the browser itself picks out."""

from __future__ import annotations

import base64
import struct
import zlib

from playwright.sync_api import Page

COLOURS = 32
# Colours in steps of 8, the most frequent kept, every other one the nearest of those.
INDEXED = """async ([picture, most]) => {
  const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d');
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const count = new Map(), first = new Map();
  const coarse = (i) => (pixels[i] >> 3 << 10) | (pixels[i + 1] >> 3 << 5) | (pixels[i + 2] >> 3);
  const exact = new Map();
  for (let i = 0; i < pixels.length; i += 4) {
    const key = coarse(i);
    count.set(key, (count.get(key) ?? 0) + 1);
    const whole = (pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2];
    const seen = exact.get(key) ?? exact.set(key, new Map()).get(key);
    seen.set(whole, (seen.get(whole) ?? 0) + 1);
  }
  const often = (map) => [...map].sort((a, b) => b[1] - a[1])[0][0];
  const palette = [...count].sort((a, b) => b[1] - a[1]).slice(0, most).map(([key]) => often(exact.get(key)));
  const apart = (a, b) => (((a >> 16) - (b >> 16)) ** 2) + (((a >> 8 & 255) - (b >> 8 & 255)) ** 2) + (((a & 255) - (b & 255)) ** 2);
  const nearest = new Map();
  for (const [key, seen] of exact) {
    const whole = often(seen);
    nearest.set(key, palette.reduce((best, one, n) => (apart(one, whole) < apart(palette[best], whole) ? n : best), 0));
  }
  let text = '';
  for (let i = 0; i < pixels.length; i += 4) text += String.fromCharCode(nearest.get(coarse(i)));
  return {width: bitmap.width, height: bitmap.height, palette, indices: btoa(text)};
}"""


def small(page: Page, picture: bytes) -> bytes:
    """The same picture, indexed; `page` is any page without a policy of its own, such as about:blank."""
    found = page.evaluate(INDEXED, [base64.b64encode(picture).decode(), COLOURS])
    width, height = found["width"], found["height"]
    indices = base64.b64decode(found["indices"])
    rows = b"".join(b"\0" + indices[y * width : (y + 1) * width] for y in range(height))
    palette = b"".join(struct.pack(">I", colour)[1:] for colour in found["palette"])
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
