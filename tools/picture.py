#!/usr/bin/env python3
"""Draws what a terminal shows as a picture (SVG), for the documents.

    tmux capture-pane -e -p -t SESSION | tools/picture.py >docs/pictures/NAME.svg

Reads the text with its colours (SGR escapes, as tmux writes them); the size is
that of the text.  --size COLSxROWS sets it.
"""
import argparse
import re
import sys
import unicodedata
from xml.sax.saxutils import escape

CELL_W, CELL_H, PAD = 8, 17, 12
BACK, FORE = "#16181d", "#d6d9df"
BASE = ["#16181d", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd",
        "#56b6c2", "#d6d9df", "#6b7280", "#ff7b86", "#b5e890", "#ffd98a",
        "#82c4ff", "#dd9bf0", "#7fd8e4", "#ffffff"]


def colour(n):
    """One of the 256 of a terminal."""
    if n < 16:
        return BASE[n]
    if n >= 232:
        v = 8 + 10 * (n - 232)
        return f"#{v:02x}{v:02x}{v:02x}"
    n -= 16
    steps = [0, 95, 135, 175, 215, 255]
    return "#%02x%02x%02x" % (steps[n // 36], steps[n // 6 % 6], steps[n % 6])


class Pen:
    def __init__(self):
        self.reset()

    def reset(self):
        self.fore, self.back = None, None
        self.bold = self.dim = self.reverse = self.line = False

    def obey(self, codes):
        it = iter(codes)
        for c in it:
            if c == 0:
                self.reset()
            elif c in (1, 22):
                self.bold, self.dim = c == 1, False
            elif c == 2:
                self.dim = True
            elif c in (4, 24):
                self.line = c == 4
            elif c in (7, 27):
                self.reverse = c == 7
            elif 30 <= c <= 37 or 90 <= c <= 97:
                self.fore = colour(c - 30 if c < 90 else c - 82)
            elif 40 <= c <= 47 or 100 <= c <= 107:
                self.back = colour(c - 40 if c < 100 else c - 92)
            elif c in (38, 48):
                kind = next(it, None)
                if kind == 5:
                    v = colour(next(it, 0))
                elif kind == 2:
                    v = "#%02x%02x%02x" % tuple(next(it, 0) for _ in range(3))
                else:
                    continue
                if c == 38:
                    self.fore = v
                else:
                    self.back = v
            elif c == 39:
                self.fore = None
            elif c == 49:
                self.back = None

    def look(self):
        fore, back = self.fore or FORE, self.back
        if self.reverse:
            fore, back = back or BACK, fore
        return fore, back, self.bold, self.dim, self.line


def cells(line, pen):
    """The cells of a line: text, look, columns."""
    out = []
    for part in re.split(r"(\x1b\[[0-9;:]*m|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
                         r"|\x1b[()][A-Z0-9]|[\x0e\x0f])", line):
        if part.startswith("\x1b["):
            pen.obey([int(x) if x else 0
                      for x in re.split("[;:]", part[2:-1])])
        elif part and part[0] not in "\x1b\x0e\x0f":
            for ch in part:
                wide = unicodedata.east_asian_width(ch) in "WF"
                out.append((ch, pen.look(), 2 if wide else 1))
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--size", help="COLSxROWS")
    ap.add_argument("--title", default="")
    args = ap.parse_args()
    pen = Pen()
    rows = [cells(l, pen) for l in sys.stdin.read().split("\n")]
    while rows and not rows[-1]:
        rows.pop()
    cols = max([sum(c[2] for c in r) for r in rows] + [20])
    if args.size:
        cols, n = (int(x) for x in args.size.split("x"))
        rows = (rows + [[]] * n)[:n]
    width, height = cols * CELL_W + 2 * PAD, len(rows) * CELL_H + 2 * PAD
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
          f'height="{height}" viewBox="0 0 {width} {height}" '
          f'font-family="ui-monospace,Menlo,Consolas,\'DejaVu Sans Mono\','
          f'monospace" font-size="13.3">')
    print(f'<title>{escape(args.title)}</title>'
          f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>')
    for y, row in enumerate(rows):
        runs, x = [], 0
        for ch, look, w in row:
            if runs and runs[-1][1] == look:
                runs[-1][2] += ch
                runs[-1][3] += w
            else:
                runs.append([x, look, ch, w])
            x += w
        top = PAD + y * CELL_H
        for x, (fore, back, bold, dim, line), text, w in runs:
            left, wide = PAD + x * CELL_W, w * CELL_W
            if back:
                print(f'<rect x="{left}" y="{top}" width="{wide}" '
                      f'height="{CELL_H}" fill="{back}"/>')
            if text.strip():
                extra = (' font-weight="bold"' if bold else "") + \
                    (' opacity=".6"' if dim else "") + \
                    (' text-decoration="underline"' if line else "")
                print(f'<text x="{left}" y="{top + 13}" fill="{fore}"{extra} '
                      f'textLength="{wide}" xml:space="preserve" '
                      f'lengthAdjust="spacingAndGlyphs">{escape(text)}</text>')
    print("</svg>")


if __name__ == "__main__":
    main()
