using System.CommandLine;
using System.Globalization;
using DistSgd.Shared.CommandLine;
using DistSgd.Shared.Sharding;
using DistSgd.Trainer;

namespace DistSgd.Cli.Tables;

/// <summary>The options that name a table of a running job.</summary>
internal sealed class TableOptions
{
    private readonly ValueOption _server = Arguments.Addresses("--server", "The job's servers.");
    private readonly ValueOption _job = Arguments.Text("--job", "The job's name.", "NAME", IsName, NameExpected);
    private readonly ValueOption _table = Arguments.Text("--table", "The table's name.", "NAME", IsName, NameExpected, "weights");
    private readonly ValueOption _range = Arguments.Text("--range", "Keys of the table, from A up to but not including B, counted from 0; default: all.", "A..B",
        text => Range(text) is not null, "A..B with A below B, for example 0..100");
    private readonly ValueOption _retryDeadline = Arguments.Number(TrainingRanges.RetryDeadline, "Seconds for which a silent server is tried again.", "30", "S");

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        _server.Required = _job.Required = true;
        command.Add(_server);
        command.Add(_job);
        command.Add(_table);
        command.Add(_range);
        command.Add(_retryDeadline);
    }

    /// <summary>Connects to what they name.</summary>
    public Task<TableClient> OpenAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var calls = new RepeatedCalls(parsed.Seconds(_retryDeadline)!.Value, parsed.InvocationConfiguration.Error.WriteLine, TimeProvider.System);
        return TableClient.OpenAsync(parsed.Servers(_server), parsed.GetValue(_job)!, TableOf(parsed), parsed.GetValue(_range) is { } range ? Range(range) : null, calls, cancellationToken);
    }

    /// <summary>The table's name.</summary>
    public string TableOf(ParseResult parsed) => parsed.GetValue(_table)!;

    private const string NameExpected = "a name";

    private static bool IsName(string text) => text.Trim().Length > 0;

    private static KeyRange? Range(string text)
    {
        string[] ends = text.Split("..");
        return ends.Length == 2 && long.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out long first)
            && long.TryParse(ends[1], NumberStyles.None, CultureInfo.InvariantCulture, out long end) && end > first
            ? new KeyRange(first, end - first)
            : null;
    }
}
