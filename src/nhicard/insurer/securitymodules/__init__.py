"""SAMs on the portal: physical cards and cloud SAMs side by side, applied for, downloaded, revoked, issued anew."""
