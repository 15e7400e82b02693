"""What is done to a network's weights before they are rounded to 8 bits, so that its answers stay.

Channels are evened out, rare large values are clipped, and biases take what rounding shifts. The
pictures that it is measured on are `tfpose.export.calibration`; the conversion is `..tflite`.
"""
