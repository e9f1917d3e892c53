"""The form of a query."""

from django import forms
from tom_dataservices.forms import BaseQueryForm


class HieraxQueryForm(BaseQueryForm):
    """Asks for one object, or for objects by node and probability, time and position."""

    object_id = forms.CharField(required=False, max_length=128, label="Object id", help_text="such as ZTF20aaelulu")
    node = forms.CharField(
        required=False, max_length=200, label="Class", help_text="a node of the taxonomy, such as SN Ia or Transient"
    )
    min_probability = forms.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        label="Minimum probability",
        help_text="of that class (default: 0.5); without a class, of the predicted one",
    )
    since = forms.CharField(
        required=False, max_length=40, label="Last alert since", help_text="a date such as 2026-11-20 (UTC), or a Julian date"
    )
    ra = forms.CharField(required=False, max_length=40, label="R.A.", help_text="degrees, or 12:34:56.7")
    dec = forms.CharField(required=False, max_length=40, label="Dec.", help_text="degrees, or +12:34:56.7")
    radius = forms.FloatField(required=False, min_value=0, max_value=36000, label="Cone radius (arcsec)")
    limit = forms.IntegerField(
        required=False, min_value=1, max_value=10000, initial=100, label="Maximum number of objects"
    )

    def clean(self):
        """Check that the position is complete, and that something is asked for."""
        data = super().clean()
        cone = [name for name in ("ra", "dec", "radius") if data.get(name) not in (None, "")]
        if 0 < len(cone) < 3:
            raise forms.ValidationError("R.A., Dec. and the radius go together.")
        asked = ("object_id", "node", "min_probability", "since", "ra")
        if not self.errors and all(data.get(name) in (None, "") for name in asked):
            raise forms.ValidationError("Give an object, a class, a probability, a time or a position.")
        return data
