"""Files as people have them, as rows of text: each form of file in a module of its own."""
