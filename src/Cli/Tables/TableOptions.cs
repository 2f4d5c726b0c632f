using System.CommandLine;
using System.Globalization;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Sharding;

namespace DistSgd.Cli.Tables;

/// <summary>The options that name a table of a running job.</summary>
internal sealed class TableOptions
{
    private readonly Option<string[]> _server = new("--server") { Description = "The job's servers.", HelpName = "HOST:PORT,…", Required = true, AllowMultipleArgumentsPerToken = true, CustomParser = Arguments.List };
    private readonly Option<string?> _job = Arguments.Text("--job", "The job's name.", help: "NAME");
    private readonly Option<string?> _table = Arguments.Text("--table", "The table's name.", "weights", "NAME");
    private readonly Option<string?> _range = Arguments.Text("--range", "Keys of the table, from A up to but not including B, counted from 0; default: all.", help: "A..B");

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        _job.Required = true;
        command.Add(_server);
        command.Add(_job);
        command.Add(_table);
        command.Add(_range);
    }

    /// <summary>Connects to what they name.</summary>
    public Task<TableClient> OpenAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        string[] servers = parsed.GetValue(_server)!;
        if (servers.FirstOrDefault(server => !ServerAddress.IsValid(server)) is { } malformed)
            throw new UsageException($"--server has '{malformed}'; expected host:port, for example 10.0.0.5:7070.");
        return TableClient.OpenAsync(servers, parsed.GetValue(_job)!, TableOf(parsed), Range(parsed.GetValue(_range)), TimeProvider.System, cancellationToken);
    }

    /// <summary>The table's name.</summary>
    public string TableOf(ParseResult parsed) => parsed.GetValue(_table)!;

    private static KeyRange? Range(string? text)
    {
        if (text is null)
            return null;
        string[] ends = text.Split("..");
        return ends.Length == 2 && long.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out long first)
            && long.TryParse(ends[1], NumberStyles.None, CultureInfo.InvariantCulture, out long end) && end > first
            ? new KeyRange(first, end - first)
            : throw new UsageException($"--range is '{text}'; expected A..B with A below B, for example 0..100.");
    }
}
