using DistSgd.Protos.V1;

namespace DistSgd.Cli.Tables;

/// <summary>Where a push has been applied so far.</summary>
/// <param name="name">What it is called.</param>
internal sealed class PushTrace(PushName name)
{
    private readonly List<DescribedShard> _applied = [];
    private DescribedShard? _current;
    private int _parts;

    /// <summary>The push goes to a shard.</summary>
    public void Begin(DescribedShard shard) => (_current, _parts) = (shard, 0);

    /// <summary>The shard that it goes to has acknowledged a part of it.</summary>
    public void PartApplied() => _parts++;

    /// <summary>That was the shard's last part.</summary>
    public void End()
    {
        _applied.Add(_current!);
        _current = null;
    }

    /// <summary>Where a push that failed has been applied and how to go on; null if it has changed nothing.</summary>
    /// <param name="mayBeApplied">Whether the call that failed may have been.</param>
    public string? Explain(bool mayBeApplied)
    {
        var places = new List<string>();
        if (_applied.Count > 0)
            places.Add($"was applied by {string.Join(", ", _applied)}");
        if (_current is not null && _parts > 0)
            places.Add($"was applied in part by {_current}");
        else if (_current is not null && mayBeApplied)
            places.Add($"may have been applied by {_current}");
        return places.Count == 0 ? null
            : $"The push {string.Join(" and ", places)}: once that is mended, give the same command again with --name {name.Source}:{name.Sequence}, which applies it nowhere twice.";
    }
}
