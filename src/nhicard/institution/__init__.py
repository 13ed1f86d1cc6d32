"""The institution's side: from what it knows of a visit to both editions of the upload, and on to the insurer."""
