using DistSgd.ParamServer.Services;
using DistSgd.ParamServer.Shards;
using Grpc.Core;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Primitives;

namespace DistSgd.ParamServer.Metrics;

/// <summary>The metrics of one server: counts each connection's traffic and shows it. Without a port to show it on nothing is counted.</summary>
/// <param name="isOn">Whether anything is counted.</param>
/// <param name="time">Time.</param>
/// <param name="shards">The server's shards.</param>
/// <param name="facts">What the server tells of itself.</param>
public sealed class WireMetrics(bool isOn, TimeProvider time, ShardRegistry shards, ServerFacts facts)
{
    private const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private const string StatusHeader = "grpc-status";

    // The key under which a connection has its traffic.
    private static readonly object TrafficKey = new();

    private readonly PeerTable _peers = new(time);

    /// <summary>Counts the connections of a listener.</summary>
    internal void Watch(ListenOptions listen) => listen.Use(next => connection => isOn ? CountAsync(next, connection) : next(connection));

    /// <summary>The traffic that a call belongs to; null where nothing is counted.</summary>
    internal PeerTraffic? Of(ServerCallContext context) =>
        isOn ? TrafficOf(context.GetHttpContext()) : null;

    /// <summary>Counts the calls that pass, of all services, when they end.</summary>
    internal Task CountCallAsync(HttpContext http, RequestDelegate next) => isOn && TrafficOf(http) is { } peer ? CountCallAsync(peer, http, next) : next(http);

    /// <summary>Answers a scrape.</summary>
    internal Task ShowAsync(HttpContext http)
    {
        http.Response.ContentType = ContentType;
        return http.Response.WriteAsync(MetricsText.Of(facts, _peers, shards), http.RequestAborted);
    }

    private static PeerTraffic? TrafficOf(HttpContext http) =>
        http.Features.Get<IConnectionItemsFeature>() is { } connection && connection.Items.TryGetValue(TrafficKey, out object? traffic) ? (PeerTraffic?)traffic : null;

    private static async Task CountCallAsync(PeerTraffic peer, HttpContext http, RequestDelegate next)
    {
        bool isOk = false;
        try
        {
            await next(http);
            // An answer that is trailers alone has its status in the headers.
            isOk = (http.Features.Get<IHttpResponseTrailersFeature>()?.Trailers.TryGetValue(StatusHeader, out StringValues status) == true || http.Response.Headers.TryGetValue(StatusHeader, out status)) && status == "0";
        }
        finally
        {
            peer.CountCall(isOk);
        }
    }

    private async Task CountAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        PeerTraffic peer = _peers.Connect(connection.RemoteEndPoint?.ToString() ?? "unknown");
        connection.Items[TrafficKey] = peer;
        connection.Transport = new CountingTransport(connection.Transport, peer);
        try
        {
            await next(connection);
        }
        finally
        {
            _peers.Disconnect(peer);
        }
    }
}
