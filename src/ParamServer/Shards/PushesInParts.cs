using DistSgd.Shared.Exchange;

namespace DistSgd.ParamServer.Shards;

/// <summary>What a part of a push is to a shard.</summary>
public enum PartAdmission
{
    /// <summary>New: apply it, then call <see cref="PushesInParts.Applied"/>.</summary>
    New,

    /// <summary>Applied before, or under way.</summary>
    Duplicate,

    /// <summary>The push was begun in another number of parts.</summary>
    CutOtherwise,
}

/// <summary>
/// The pushes of one shard of which some parts have been applied and others not: which ones. Pure, like <see cref="PushWindow"/>, which takes
/// the name when the last part is applied. One thread at a time.
/// </summary>
public sealed class PushesInParts
{
    /// <summary>Pushes that may be unfinished; beyond it the one that was begun first is given up: its name counts as applied.</summary>
    public const int UnfinishedMax = 1024;

    private readonly Dictionary<PushName, Unfinished> _pushes = [];
    private readonly Queue<PushName> _begun = new();
    private readonly int _unfinishedMax;

    /// <summary>Makes an empty one.</summary>
    /// <param name="unfinishedMax">Pushes that may be unfinished, at least 1.</param>
    public PushesInParts(int unfinishedMax = UnfinishedMax)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(unfinishedMax, 1);
        _unfinishedMax = unfinishedMax;
    }

    /// <summary>Number of unfinished pushes.</summary>
    public int Count => _pushes.Count;

    /// <summary>Takes a part once.</summary>
    /// <param name="push">Name, part, number of parts.</param>
    /// <param name="window">The shard's window; a name in it is a duplicate.</param>
    public PartAdmission Admit(in PushHeader push, PushWindow window)
    {
        if (window.Holds(push.Name))
            return PartAdmission.Duplicate;
        if (!_pushes.TryGetValue(push.Name, out Unfinished? unfinished))
        {
            if (push.Parts <= 1)
                return PartAdmission.New;
            unfinished = Begin(push, window);
        }
        if (unfinished.Parts != push.Parts)
            return PartAdmission.CutOtherwise;
        ref ulong word = ref unfinished.Admitted[push.Part / 64];
        ulong bit = 1UL << (push.Part % 64);
        if ((word & bit) != 0)
            return PartAdmission.Duplicate;
        word |= bit;
        return PartAdmission.New;
    }

    /// <summary>Notes that an admitted part has been applied.</summary>
    /// <param name="push">Name, part, number of parts.</param>
    /// <returns>True if that was the last one: the push is complete, and its name is to go into the window.</returns>
    public bool Applied(in PushHeader push) =>
        push.Parts <= 1 || _pushes.TryGetValue(push.Name, out Unfinished? unfinished) && --unfinished.Left == 0 && _pushes.Remove(push.Name);

    private Unfinished Begin(in PushHeader push, PushWindow window)
    {
        // Names of finished pushes are passed over here, so that the queue stays within twice the bound.
        while (_pushes.Count >= _unfinishedMax || _begun.Count >= 2 * _unfinishedMax)
        {
            PushName oldest = _begun.Dequeue();
            if (!_pushes.ContainsKey(oldest))
                continue;
            if (_pushes.Count < _unfinishedMax)
            {
                _begun.Enqueue(oldest);
                continue;
            }
            _pushes.Remove(oldest);
            window.TryAdmit(oldest);
        }
        var unfinished = new Unfinished(push.Parts);
        _pushes.Add(push.Name, unfinished);
        _begun.Enqueue(push.Name);
        return unfinished;
    }

    private sealed class Unfinished(int parts)
    {
        public int Parts { get; } = parts;

        public int Left { get; set; } = parts;

        public ulong[] Admitted { get; } = new ulong[(parts + 63) / 64];
    }
}
