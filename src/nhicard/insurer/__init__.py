"""The insurer's side: a Django project, one app a capability."""
