using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Http2;
using Grpc.Net.Client.Transport;

namespace DistSgd.Grpc.Tests.Http2;

/// <summary>Makes the transport alone, without channel and calls above it.</summary>
internal static class RawTransport
{
    /// <summary>The head of a call.</summary>
    public static CallHead Head { get; } = new("/distsgd.tests.v1.Echo/Unary", null, null, null, TimeSpan.FromSeconds(30), null, "identity,gzip");

    public static Http2Transport Create(string address, KeepAliveTimes times, TimeProvider clock)
    {
        var parsed = ChannelAddress.Parse(address);
        var connections = new ChannelConnections(parsed.EndPoint, TimeSpan.FromSeconds(10), new ReconnectBackoff(TimeSpan.FromSeconds(1), null));
        var connector = new WireConnector(connections, ChannelSecurity.Of(parsed, ChannelCredentials.Insecure), parsed.HostName);
        var head = new RequestHead(parsed.BasePath, parsed.Authority, isSecure: false);
        return new Http2Transport(
            new ConnectionPool(connector.ConnectAsync, (wire, streamsMax, changed) => new Http2Connection(wire, head, streamsMax, times, clock, changed)), address);
    }
}
