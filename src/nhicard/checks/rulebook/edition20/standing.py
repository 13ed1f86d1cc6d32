"""Whether the institution may upload 2.0 for real, and from where."""

from nhicard.checks.rule import Breaks, is_precheck, past, rule


@rule("2.0", "M05", severity="file")
def Y011() -> Breaks:
    """上傳的 IP 不是院所登錄的 IP，整份檔案會退件；請從登錄的 IP 上傳，或先向健保署變更登錄。

    The upload did not come from an address that the institution registered, so the whole file is rejected; upload from
    a registered one, or have the registration changed first.

    院所沒有登錄 IP 時不檢查。Nothing is checked for an institution that registered none.
    """
    return ~past("sender_registered")


@rule("2.0", "M05", severity="file")
def Y016() -> Breaks:
    """院所尚未符合 H1（預檢比對 100%），不可正式上傳 2.0，整份檔案會退件；請先以預檢上傳，並繼續以 1.0 正式上傳。

    The institution does not meet H1 (all of its pre-checks matched) yet and cannot upload 2.0 for real, so the whole
    file is rejected; send pre-checks, and go on uploading 1.0.

    預檢不受限。Pre-checks are always admitted.
    """
    return ~is_precheck() & ~past("qualified")
