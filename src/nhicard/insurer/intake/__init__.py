"""The receiving end of uploads: kept durably first, checked afterwards, answered when the client asks."""
