"""Reading other people's price catalogues into the user's own: recognise, read, resolve, keep.

``sources`` finds the files (a file, a folder, an archive, a URL); ``formats/`` has a file per format, found by walking the folder;
``resolve`` turns what a catalogue lists into offers; ``store`` keeps them.
"""
