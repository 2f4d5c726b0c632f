using DistSgd.Shared.Exchange;

namespace DistSgd.ParamServer.Shards;

/// <summary>
/// Which pushes a shard has applied: for each source the highest sequence and the last <see cref="WindowPushes"/> below it. Pure; one
/// thread at a time. A sequence older than the window counts as applied: a source has at most the window under way, so it was.
/// </summary>
public sealed class PushWindow
{
    /// <summary>Sequences remembered a source.</summary>
    public const int WindowPushes = 1024;

    /// <summary>Sources remembered; beyond it the one that pushed longest ago is forgotten.</summary>
    public const int SourcesMax = 65_536;

    private readonly Dictionary<ulong, Source> _sources = [];
    private readonly int _sourcesMax;
    private long _admissions;

    /// <summary>Makes an empty window.</summary>
    /// <param name="sourcesMax">Sources remembered, at least 1.</param>
    public PushWindow(int sourcesMax = SourcesMax)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sourcesMax, 1);
        _sourcesMax = sourcesMax;
    }

    /// <summary>Number of sources remembered.</summary>
    public int Sources => _sources.Count;

    /// <summary>Takes a name once: true the first time, false ever after.</summary>
    /// <param name="name">The push's name; sequences count from 1.</param>
    public bool TryAdmit(PushName name)
    {
        if (!_sources.TryGetValue(name.Source, out Source? source))
        {
            if (_sources.Count >= _sourcesMax)
                ForgetLeastRecent();
            source = new Source();
            _sources.Add(name.Source, source);
        }
        source.LastAdmission = ++_admissions;
        return source.TryAdmit(name.Sequence);
    }

    /// <summary>Whether a name was taken, or is older than what the window remembers of its source. Changes nothing.</summary>
    /// <param name="name">The push's name.</param>
    public bool Holds(PushName name) => _sources.TryGetValue(name.Source, out Source? source) && source.Holds(name.Sequence);

    private void ForgetLeastRecent() => _sources.Remove(_sources.MinBy(pair => pair.Value.LastAdmission).Key);

    private sealed class Source
    {
        // Bit (s mod WindowPushes) is set if sequence s was admitted, for s in (highest − WindowPushes, highest].
        private readonly ulong[] _bits = new ulong[WindowPushes / 64];
        private ulong _highest;

        public long LastAdmission { get; set; }

        public bool Holds(ulong sequence) =>
            sequence <= _highest && (IsForgotten(sequence) || (_bits[sequence % WindowPushes / 64] & 1UL << (int)(sequence % 64)) != 0);

        private bool IsForgotten(ulong sequence) => _highest >= WindowPushes && sequence <= _highest - WindowPushes;

        public bool TryAdmit(ulong sequence)
        {
            if (IsForgotten(sequence))
                return false;
            if (sequence > _highest)
            {
                Forget(_highest, sequence);
                _highest = sequence;
            }
            ref ulong word = ref _bits[sequence % WindowPushes / 64];
            ulong bit = 1UL << (int)(sequence % 64);
            if ((word & bit) != 0)
                return false;
            word |= bit;
            return true;
        }

        // Places of the sequences that the window slides over are those of sequences that fall out of it.
        private void Forget(ulong from, ulong to)
        {
            if (to - from >= WindowPushes)
            {
                Array.Clear(_bits);
                return;
            }
            for (ulong s = from; s != to;)
            {
                s++;
                _bits[s % WindowPushes / 64] &= ~(1UL << (int)(s % 64));
            }
        }
    }
}
