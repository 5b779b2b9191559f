"""The checksum that all tools of this example measure: FNV-1a over as many KiB as the file `size` says."""

from pathlib import Path

SIZE = int((Path(__file__).parent / "size").read_text()) * 1024
DATA = bytes(number % 251 for number in range(SIZE))


def run():
    """The checksum of the data."""
    value = 0xCBF29CE484222325
    for byte in DATA:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


if __name__ == "__main__":
    for _ in range(3):
        run()
    print(f"{run():016x}")
