"""The line fee subsidy (固接網路月租費): enrolment, evidence a month, settlements."""
