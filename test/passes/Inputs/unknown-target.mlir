module attributes {mobile.target = {name = "abacus"}} {}
