"""A window that shows frames."""

import os
import sys

import cv2

from ..arrays import UInt8

# With its toolbar, Qt would show the picture smaller than it is.
PLAIN = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
QUIT = frozenset({27, ord("q")})
NO_WINDOWS = (
    "this OpenCV shows no windows: opencv-python-headless is installed, which needs no screen. For "
    "--show: pip uninstall -y opencv-python-headless && pip install opencv-python"
)


class Window:
    """Shows frames until the user presses q or Escape, or closes the window.

    Raises:
      OSError: there is no screen, or this OpenCV has no windows.
    """

    def __init__(self, title: str) -> None:
        if sys.platform.startswith("linux") and not (
            os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        ):
            raise OSError(
                "there is no screen to show on: DISPLAY is not set; write --video instead"
            )
        self._title = title
        try:
            cv2.namedWindow(title, PLAIN)
        except cv2.error as error:
            raise OSError(NO_WINDOWS) from error
        self._sized = False

    def show(self, picture: UInt8) -> bool:
        """Shows (H, W, 3) uint8 RGB; returns False once the user has ended the view."""
        if not self._sized:
            cv2.resizeWindow(self._title, picture.shape[1], picture.shape[0])
            self._sized = True
        cv2.imshow(self._title, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        if cv2.waitKey(1) & 0xFF in QUIT:
            return False
        return bool(cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1)

    def close(self) -> None:
        """Closes the window."""
        cv2.destroyWindow(self._title)
