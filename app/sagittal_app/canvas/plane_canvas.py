"""One plane drawn by napari: an image layer and a label layer of two dimensions, and a camera.

Napari gets the plane, not the volume: this widget keeps one buffer per layer, in the order of the screen, copies a
slice into it and asks for a redraw. A change of slice so costs one copy and one upload, and a brush stroke uploads the
touched rectangle alone. Labels are shown through a palette of 256 colours (slot 0 is transparent).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

PALETTE_SLOTS = 256
NEAREST, LINEAR = "nearest", "linear"
LARGEST_ZOOM = 200.0
"""Screen pixels per millimetre."""

Region = tuple[slice, slice]


class PlaneCanvas(QWidget):
    """Draws one plane. Positions are (row, column) of the plane; the camera looks along none but whole planes."""

    looked = Signal(float, float, float)
    """The user moved the picture or zoomed: row and column in the middle, screen pixels per millimetre."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Napari's own settings file is neither read nor written: nothing in it has a meaning here.
        os.environ.setdefault("NAPARI_CONFIG", "")
        from napari.components import ViewerModel
        from napari.qt import QtViewer
        from napari.settings import get_settings

        # The keys are the page's. Binding napari's own takes every viewer there is a third of its making.
        get_settings().shortcuts.shortcuts.clear()
        self._viewer = ViewerModel()
        self._viewer.canvas.background_color_override = "black"
        self._qt = QtViewer(self._viewer)
        self._qt.dims.hide()
        self._qt.setAcceptDrops(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._qt)
        self._image: Any = None
        self._labels: Any = None
        self._image_plane: NDArray[Any] = np.zeros((1, 1), dtype=np.float32)
        self._label_plane: NDArray[np.uint8] = np.zeros((1, 1), dtype=np.uint8)
        self._palette: dict[int, tuple[float, float, float, float]] = {}
        self._pixel = (1.0, 1.0)
        self._fitted = True
        self._shown = False
        self._touched: Region | None = None
        """What of the label plane the drawing does not have yet."""
        # Vispy's own event: what is touched must reach the drawing before it begins, and once, however often it was.
        self._qt.canvas._scene_canvas.events.draw.connect(self._hand_over, position="first")
        # Made at once: napari asks the drawing context what it can do here, and must ask its own, not the 3D scene's.
        self._make_layers(False)
        self._labels.visible = self._image.visible = False

    # Contents ------------------------------------------------------------------------------------------------------

    def begin(self, size: tuple[int, int], pixel: tuple[float, float], sample: NDArray[Any] | None) -> None:
        """Prepares for planes of `size` (rows, columns) with `pixel` mm; `sample` is a plane of the image, or None."""
        alike = self._pixel == pixel and self._label_plane.shape == size
        self._pixel, self._touched = pixel, None
        if not alike:
            self._label_plane = np.zeros(size, dtype=np.uint8)
        if sample is None:
            for layer in self._viewer.layers:
                layer.visible = False
            self._shown = False
            return
        self._shown = True
        colour = sample.ndim == 3
        kind = np.uint8 if colour or sample.dtype == np.uint8 else np.float32
        if self._image is None or self._image.rgb != colour or self._image.dtype != kind:
            self._image_plane = np.zeros((*size, 3) if colour else size, dtype=kind)
            self._make_layers(colour)
        elif not (alike and self._image_plane.shape[:2] == size):
            # Making layers anew takes a third of a second; giving them other data does not, and a plane like the one
            # before needs neither. What they hold is drawn by the next `show_image` and `show_labels`, once.
            self._image_plane = np.zeros((*size, 3) if colour else size, dtype=kind)
            for layer, plane in ((self._image, self._image_plane), (self._labels, self._label_plane)):
                with layer._block_refresh():
                    layer.data = plane
                    if tuple(layer.scale) != pixel:
                        layer.scale = pixel
        if not self._image.visible:
            self._image.visible = True
        self.fit()

    def _make_layers(self, colour: bool) -> None:
        from napari.layers import Image, Labels

        if len(self._viewer.layers):
            self._viewer.layers.clear()
        limits = None if colour else (0.0, 1.0)
        self._image = Image(self._image_plane, rgb=colour, scale=self._pixel, contrast_limits=limits, name="image")
        self._labels = Labels(self._label_plane, scale=self._pixel, colormap=_colormap({}), name="labels")
        self._palette = {}
        for layer in (self._image, self._labels):
            # Pictures for napari's own list of layers, which is not shown: a third of the time of opening a scan.
            layer._update_thumbnail = _nothing
        for unused in ("polygon", "brush_stroke"):
            # Napari's own painting tools, never on here: what would draw them takes a fifth of a canvas's making.
            self._labels._overlays.pop(unused, None)
        self._viewer.add_layer(self._image)
        self._viewer.add_layer(self._labels)
        for layer in (self._image, self._labels):
            # The viewer's sliders, which are not shown: working out their ranges is a third of opening a scan.
            layer.events.data.disconnect(self._viewer._on_layers_change)
            layer.events.scale.disconnect(self._viewer._on_layers_change)

    def show_image(self, plane: NDArray[Any]) -> None:
        """Draws a plane of intensities (rows, columns), or of colours (rows, columns, 3 or 4)."""
        if self._image is not None:
            np.copyto(self._image_plane, plane[..., :3] if plane.ndim == 3 else plane, casting="unsafe")
            self._image.refresh(thumbnail=False, highlight=False, extent=False)

    def show_labels(self, plane: NDArray[np.uint8]) -> None:
        """Draws a plane of palette slots (rows, columns)."""
        if self._labels is not None:
            self._touched = None
            np.copyto(self._label_plane, plane)
            self._labels.refresh(thumbnail=False, highlight=False, extent=False)

    def show_label_region(self, region: Region, patch: NDArray[np.uint8]) -> None:
        """Redraws one rectangle of the label plane."""
        if self._labels is None:
            return
        self._label_plane[region] = patch
        if self._label_node()._need_texture_upload:
            # The plane itself was not drawn yet; its texture may even be as large as the plane before.
            self._labels.refresh(thumbnail=False, highlight=False, extent=False)
        else:
            self._touched = region if self._touched is None else _around(region, self._touched)
            self._qt.canvas.native.update()

    def _hand_over(self, _event: object) -> None:
        """Gives the drawing the rectangle touched since the last one.

        Napari's own event for this would ask for a drawing more, from within the one it is for.
        """
        region, self._touched = self._touched, None
        if region is not None and self._labels is not None:
            texture = self._label_node()._texture
            patch = np.ascontiguousarray(self._label_plane[region])
            texture.scale_and_set_data(patch, copy=False, offset=(region[0].start, region[1].start))

    def _label_node(self) -> Any:
        """What vispy draws the labels with."""
        return self._qt.canvas.layer_to_visual[self._labels].node

    def set_window(self, low: float, high: float) -> None:
        if self._image is not None and not self._image.rgb:
            self._image.contrast_limits = (low, high)

    def set_palette(self, colours: dict[int, tuple[float, float, float, float]]) -> None:
        """Slot → RGBA in 0…1; slots that are not named are transparent."""
        if self._labels is not None and colours != self._palette:
            self._palette = dict(colours)
            self._labels.colormap = _colormap(colours)

    def set_label_opacity(self, opacity: float, visible: bool) -> None:
        if self._labels is not None:
            if self._labels.opacity != opacity:
                self._labels.opacity = opacity
            if self._labels.visible != (visible and self._shown):
                self._labels.visible = visible and self._shown

    def set_smooth(self, smooth: bool) -> None:
        wanted = LINEAR if smooth else NEAREST
        if self._image is not None and self._image.interpolation2d != wanted:
            self._image.interpolation2d = wanted

    # Camera --------------------------------------------------------------------------------------------------------

    @property
    def zoom(self) -> float:
        """Screen pixels per millimetre."""
        return float(self._viewer.scene.camera.zoom)

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column in the middle of the view."""
        down, right = self._viewer.scene.camera.center[-2:]
        return float(down) / self._pixel[0], float(right) / self._pixel[1]

    def fit(self) -> None:
        """Shows the whole plane, as large as it goes."""
        rows, columns = self._label_plane.shape
        height, width = rows * self._pixel[0], columns * self._pixel[1]
        margin = 0.94
        self._look_at((rows - 1) / 2, (columns - 1) / 2, margin * min(self.width() / width, self.height() / height))
        self._fitted = True

    def look_at(self, row: float, column: float, zoom: float | None = None) -> None:
        """Puts a position in the middle of the view."""
        self.follow(row, column, zoom or self.zoom)
        self.looked.emit(row, column, self.zoom)

    def follow(self, row: float, column: float, zoom: float) -> None:
        """Looks where another canvas of the same scan was made to look, without telling of it."""
        self._fitted = False
        self._look_at(row, column, zoom)

    def pan(self, right: float, down: float) -> None:
        """Moves the picture by screen pixels."""
        row, column = self.centre
        self.look_at(row - down / self.zoom / self._pixel[0], column - right / self.zoom / self._pixel[1])

    def zoom_at(self, point: QPointF, factor: float) -> None:
        """Zooms so that what lies under `point` stays there."""
        row, column = self.to_plane(point)
        zoom = min(max(self.zoom * factor, 0.02), LARGEST_ZOOM)
        offset = point - QRectF(self.rect()).center()
        self.look_at(row - offset.y() / zoom / self._pixel[0], column - offset.x() / zoom / self._pixel[1], zoom)

    def to_plane(self, point: QPointF) -> tuple[float, float]:
        """Row and column under a point of the widget."""
        offset = point - QRectF(self.rect()).center()
        row, column = self.centre
        return row + offset.y() / self.zoom / self._pixel[0], column + offset.x() / self.zoom / self._pixel[1]

    def to_widget(self, row: float, column: float) -> QPointF:
        """Point of the widget over a row and column."""
        centre_row, centre_column = self.centre
        offset = QPointF(
            (column - centre_column) * self._pixel[1] * self.zoom, (row - centre_row) * self._pixel[0] * self.zoom
        )
        return QRectF(self.rect()).center() + offset

    def _look_at(self, row: float, column: float, zoom: float) -> None:
        camera = self._viewer.scene.camera
        camera.center = (0.0, row * self._pixel[0], column * self._pixel[1])
        camera.zoom = max(zoom, 1e-3)

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()

    def shut_down(self) -> None:
        """Releases the drawing context; the widget draws nothing afterwards."""
        if self._qt is None:
            return
        self._image = self._labels = None
        self._qt.close()
        self._qt = None


def _around(one: Region, other: Region) -> Region:
    """The smallest rectangle around both."""
    rows, columns = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return rows, columns


def _nothing() -> None:
    """Does nothing."""


def _colormap(colours: dict[int, tuple[float, float, float, float]]) -> Any:
    from napari.utils.colormaps import DirectLabelColormap

    clear = (0.0, 0.0, 0.0, 0.0)
    return DirectLabelColormap(color_dict={None: clear, 0: clear, **colours})
