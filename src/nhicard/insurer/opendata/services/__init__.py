"""The rows of a day, the files made of them, and the folder in which they are published."""
