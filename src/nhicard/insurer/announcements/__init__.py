"""Announcements and files for institutions (公告事項, 院所交換檔案): who should see them, and who has."""
