"""Open an image and read its scenes and planes, whatever the file format."""
