using System.CommandLine;

namespace DistSgd.Cli;

/// <summary>The command <c>bench</c>.</summary>
internal static class BenchCommand
{
    public static Command Build()
    {
        var command = new Command("bench", "Measure, each figure beside its limit in the same run.");
        return command;
    }
}
