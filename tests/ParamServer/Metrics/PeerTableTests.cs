using DistSgd.ParamServer.Metrics;

namespace DistSgd.ParamServer.Tests.Metrics;

public sealed class PeerTableTests
{
    [Fact]
    public void Peers_BeyondTheBound_AreTheOldestThatLeft_AndTheSumStays()
    {
        var peers = new PeerTable(TimeProvider.System, peersMax: 2);
        foreach (string name in (string[])["a", "b", "c", "d"])
        {
            PeerTraffic peer = peers.Connect(name);
            peer.CountReceived(10);
            peer.Begin(0);
            peer.End(0, isDone: false);
            peers.Disconnect(peer);
        }
        Assert.Equal(["c", "d", "others"], peers.All.Select(peer => peer.Name));
        Assert.Equal(40, peers.All.Sum(peer => peer.Received));
        Assert.Equal(4, peers.All.Sum(peer => peer.Refused));
        Assert.Equal(4, peers.All.Sum(peer => peer.Latency.Count));
    }

    [Fact]
    public void Peers_ThatAreAllConnected_AreKept_AndNewcomersCountTogether()
    {
        var peers = new PeerTable(TimeProvider.System, peersMax: 2);
        PeerTraffic first = peers.Connect("a"), second = peers.Connect("b"), third = peers.Connect("c");
        Assert.Same(peers.Others, third);
        peers.Disconnect(third);
        peers.Disconnect(first);
        Assert.Equal("d", peers.Connect("d").Name);
        Assert.Equal(["b", "d", "others"], peers.All.Select(peer => peer.Name));
        Assert.True(second.IsConnected);
    }

    [Fact]
    public void Peer_ThatComesAgain_GoesOnWithItsFigures()
    {
        var peers = new PeerTable(TimeProvider.System);
        PeerTraffic peer = peers.Connect("a");
        peers.Disconnect(peer);
        Assert.Same(peer, peers.Connect("a"));
        Assert.Equal(["a", "others"], peers.All.Select(one => one.Name));
    }

    [Fact]
    public void Quantiles_AreAtMostAQuarterTooHigh_AndNeverTooLow()
    {
        foreach (long ticks in (long[])[1, 2, 3, 4, 5, 7, 8, 9, 100, 1_000, 12_345, 1_000_000, 123_456_789, 36_000_000_000])
        {
            var histogram = new LatencyHistogram();
            histogram.Add(new TimeSpan(ticks));
            Assert.InRange(histogram.Quantile(0.5)!.Value.Ticks, ticks, ticks * 5 / 4);
            Assert.Equal(ticks, histogram.Sum.Ticks);
        }
        var many = new LatencyHistogram();
        for (int i = 1; i <= 1000; i++)
            many.Add(TimeSpan.FromMicroseconds(i));
        Assert.InRange(many.Quantile(0.5)!.Value.TotalMicroseconds, 500, 625);
        Assert.InRange(many.Quantile(0.99)!.Value.TotalMicroseconds, 990, 1238);
        Assert.Null(new LatencyHistogram().Quantile(0.5));
    }
}
