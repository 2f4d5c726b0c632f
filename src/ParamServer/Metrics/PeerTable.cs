namespace DistSgd.ParamServer.Metrics;

/// <summary>The peers that are connected, and those that were last. Any thread.</summary>
/// <param name="time">Time.</param>
/// <param name="peersMax">Most peers with figures of their own.</param>
internal sealed class PeerTable(TimeProvider time, int peersMax = PeerTable.PeersMax)
{
    /// <summary>Most peers with figures of their own. Beyond it the one that left first is added to <see cref="Others"/>; if none has left, newcomers count there.</summary>
    public const int PeersMax = 256;

    private readonly Lock _gate = new();

    // In the order in which they came, those that have left in the order in which they left: both under _gate.
    private readonly List<PeerTraffic> _connected = [];
    private readonly List<PeerTraffic> _gone = [];

    /// <summary>What peers without figures of their own have done together, so that sums over all peers never fall.</summary>
    public PeerTraffic Others { get; } = new("others", time);

    /// <summary>All peers as they are now; <see cref="Others"/> is the last.</summary>
    public PeerTraffic[] All
    {
        get
        {
            lock (_gate)
                return [.. _connected, .. _gone, Others];
        }
    }

    /// <summary>A connection has come.</summary>
    /// <param name="name">Address and port of its other end; one that was here before goes on with its figures.</param>
    public PeerTraffic Connect(string name)
    {
        lock (_gate)
        {
            PeerTraffic? peer = _gone.Find(known => known.Name == name);
            if (peer is not null)
                _gone.Remove(peer);
            else if (_connected.Count + _gone.Count >= peersMax && !DropOldest())
                return Others;
            peer ??= new PeerTraffic(name, time);
            peer.IsConnected = true;
            _connected.Add(peer);
            return peer;
        }
    }

    /// <summary>A connection has gone.</summary>
    public void Disconnect(PeerTraffic peer)
    {
        lock (_gate)
        {
            if (!_connected.Remove(peer))
                return;
            peer.IsConnected = false;
            _gone.Add(peer);
        }
    }

    private bool DropOldest()
    {
        if (_gone.Count == 0)
            return false;
        Others.Add(_gone[0]);
        _gone.RemoveAt(0);
        return true;
    }
}
