"""From attenuation to an image: pose and frame, devices, exposure and display."""
