"""Make the sheets of all pictures, if they are not there: python -m clipbook.emoji"""

import sys

from clipbook.emoji.collection import load_emoji
from clipbook.emoji.sheets import sheets_folder


def main() -> int:
    try:
        emoji = load_emoji()
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(emoji.pictures):,} pictures of {len(emoji.concepts):,} emoji in {sheets_folder()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
