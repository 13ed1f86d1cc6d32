"""The portal (健保資訊網服務系統): the frame of its pages, texts in both languages, uploads, announcements."""
