from dash import Dash, Input, Output, html
from flask import request

app = Dash(__name__)
server = app.server
app.layout = html.Div([html.Button("Who am I?", id="who"), html.P(id="seen")])


@app.callback(Output("seen", "children"), Input("who", "n_clicks"))
def who(clicks):
    return " ".join([request.remote_addr, *request.access_route])
