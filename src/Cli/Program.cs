using DistSgd.Cli;
using DistSgd.Shared.CommandLine;

Interruption.Begin();
return await CommandTree.RunAsync(args, CommandOutput.Open(() => Console.Out, 1), CommandOutput.Open(() => Console.Error, 2));
